select '2026-01-01T00:00:00'::timestamp without time zone is null;

select count(*) from (select 1 as one from "shop"."orders" where ("moved" is null or "moved" in ('-infinity', 'infinity')) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" < '2026-11-24 12:00:00.123456'::timestamp without time zone) limit 100001) connector_count;

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" < '2026-11-24 12:00:00.123456'::timestamp without time zone) and ("moved" >= '2026-01-01T00:00:00'::timestamp without time zone) order by "moved", "id" limit 2001;

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" >= '2026-01-01T00:00:00'::timestamp without time zone) and ("moved" > '2026-11-25 12:00:00.123456'::timestamp without time zone) order by "moved", "id" limit 2001;
