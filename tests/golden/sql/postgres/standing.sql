select '1'::bigint is null;

select count(*) from (select 1 as one from "shop"."orders" where ("id" in ('1'::bigint)) limit 2) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" in ('1'::bigint)) and ("moved" <= '2026-01-31 06:00:00.123456'::timestamp without time zone and not (("moved", "id") > ('2026-01-31 06:00:00.123456'::timestamp without time zone, '9007199254740993'::bigint))) and ("moved" > '-infinity' and "moved" < 'infinity') limit 2) connector_count;
