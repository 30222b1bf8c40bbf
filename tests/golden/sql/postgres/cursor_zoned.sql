select count(*) from (select 1 as one from "shop"."orders" where ("zoned" is null or "zoned" in ('-infinity', 'infinity')) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("zoned" >= '2026-01-31 06:00:00.123456Z'::timestamp with time zone) and ("zoned" is not null) and ("zoned" > '-infinity' and "zoned" < 'infinity') and ("zoned" <= '2026-11-25 12:00:00.123456Z'::timestamp with time zone) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ('2026-01-31 06:00:00.123456Z'::timestamp with time zone > '2026-11-25 12:00:00.123456Z'::timestamp with time zone) limit 1) connector_count;

select "id" as connector_0, "zoned" as connector_1 from "shop"."orders" where ("zoned" is not null) and ("zoned" > '-infinity' and "zoned" < 'infinity') and ("zoned" <= '2026-11-25 12:00:00.123456Z'::timestamp with time zone) and (("zoned", "id") > ('2026-01-31 06:00:00.123456Z'::timestamp with time zone, '9007199254740993'::bigint)) order by "zoned", "id" limit 2001;

select "id" as connector_0, "zoned" as connector_1 from "shop"."orders" where ("zoned" is not null) and ("zoned" > '-infinity' and "zoned" < 'infinity') and ("zoned" > '2026-11-25 12:00:00.123456Z'::timestamp with time zone) and (("zoned", "id") > ('2026-01-31 06:00:00.123456Z'::timestamp with time zone, '9007199254740993'::bigint)) order by "zoned", "id" limit 2001;

select count(*) from (select 1 as one from "shop"."orders" where ("zoned" >= '2026-01-31 06:00:00.123456Z'::timestamp with time zone) limit 1) connector_count;
