select count(*) from (select 1 as one from "shop"."orders" where ("day" is null or "day" in ('-infinity', 'infinity')) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("day" >= '2026-01-31'::date) and ("day" is not null) and ("day" > '-infinity' and "day" < 'infinity') and ("day" <= '2026-11-25'::date) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ('2026-01-31'::date > '2026-11-25'::date) limit 1) connector_count;

select "id" as connector_0, "day" as connector_1 from "shop"."orders" where ("day" is not null) and ("day" > '-infinity' and "day" < 'infinity') and ("day" <= '2026-11-25'::date) and (("day", "id") > ('2026-01-31'::date, '9007199254740993'::bigint)) order by "day", "id" limit 2001;

select "id" as connector_0, "day" as connector_1 from "shop"."orders" where ("day" is not null) and ("day" > '-infinity' and "day" < 'infinity') and ("day" > '2026-11-25'::date) and (("day", "id") > ('2026-01-31'::date, '9007199254740993'::bigint)) order by "day", "id" limit 2001;

select count(*) from (select 1 as one from "shop"."orders" where ("day" >= '2026-01-31'::date) limit 1) connector_count;
