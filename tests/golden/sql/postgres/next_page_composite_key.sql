select count(*) from (select 1 as one from "shop"."orders" where ("moved" is null or "moved" in ('-infinity', 'infinity')) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("region" is null) and ("moved" >= '2026-01-31 06:00:00.123456'::timestamp without time zone) and ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" < '2026-11-24 12:00:00.123456'::timestamp without time zone) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("moved" >= '2026-01-31 06:00:00.123456'::timestamp without time zone) and ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" < '2026-11-24 12:00:00.123456'::timestamp without time zone) limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" < '2026-11-24 12:00:00.123456'::timestamp without time zone) and (("moved", "region", "id") > ('2026-01-31 06:00:00.123456'::timestamp without time zone, 'O''Brien\n%s :x "q" `b` 日本'::text, '9007199254740993'::bigint)) order by "moved", "region", "id" limit 2001;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" > '2026-11-25 12:00:00.123456'::timestamp without time zone) and (("moved", "region", "id") > ('2026-01-31 06:00:00.123456'::timestamp without time zone, 'O''Brien\n%s :x "q" `b` 日本'::text, '9007199254740993'::bigint)) order by "moved", "region", "id" limit 2001;

select count(*) from (select 1 as one from "shop"."orders" where ("moved" >= '2026-01-31 06:00:00.123456'::timestamp without time zone) limit 1) connector_count;
