select count(*) from (select 1 as one from "shop"."orders" where ("zoned" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("zoned" >= cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone)) and ("zoned" is not null) and ("zoned" <= cast('2026-11-25 12:00:00.123456+00:00' as timestamp with time zone)) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where (cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone) > cast('2026-11-25 12:00:00.123456+00:00' as timestamp with time zone)) limit 1) connector_count;

select "id" as connector_0, "zoned" as connector_1 from "shop"."orders" where ("zoned" is not null) and ("zoned" <= cast('2026-11-25 12:00:00.123456+00:00' as timestamp with time zone)) and ("zoned" >= cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone) and ("zoned" > cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone) or ("zoned" = cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone) and "id" > 9007199254740993))) order by "zoned", "id";

select "id" as connector_0, "zoned" as connector_1 from "shop"."orders" where ("zoned" is not null) and ("zoned" > cast('2026-11-25 12:00:00.123456+00:00' as timestamp with time zone)) and ("zoned" >= cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone) and ("zoned" > cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone) or ("zoned" = cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone) and "id" > 9007199254740993))) order by "zoned", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("zoned" >= cast('2026-01-31 06:00:00.123456+00:00' as timestamp with time zone)) limit 1) connector_count;
