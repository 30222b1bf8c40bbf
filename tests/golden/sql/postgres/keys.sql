select '1'::bigint is null, '9007199254740993'::bigint is null;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" <= '2026-01-31 06:00:00.123456'::timestamp without time zone and not (("moved", "id") > ('2026-01-31 06:00:00.123456'::timestamp without time zone, '9007199254740993'::bigint))) and ("moved" > '-infinity' and "moved" < 'infinity') and ("id" in ('1'::bigint, '9007199254740993'::bigint)) order by "moved", "id";
