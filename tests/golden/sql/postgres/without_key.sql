select count(*) from (select 1 as one from "shop"."orders" where ("moved" is null or "moved" in ('-infinity', 'infinity')) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("moved" > '2026-11-25 12:00:00.123456'::timestamp without time zone) and ("moved" > '-infinity' and "moved" < 'infinity') limit 100001) connector_count;

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" <= '2026-11-25 12:00:00.123456'::timestamp without time zone) and ("moved" > '2026-01-31 06:00:00.123456'::timestamp without time zone) and ("moved" <= '2026-01-31 06:00:00.123456'::timestamp without time zone) order by "moved";

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" <= '2026-11-25 12:00:00.123456'::timestamp without time zone) and ("moved" > '2026-01-31 06:00:00.123456'::timestamp without time zone) order by "moved";

select count(*) from (select 1 as one from "shop"."orders" where ("moved" >= '2026-01-31 06:00:00.123456'::timestamp without time zone) limit 1) connector_count;
