select count(*) from (select 1 as one from "shop"."orders" where ("id" in (1)) limit 2) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" in (1)) and ("moved" <= timestamp '2026-01-31 06:00:00.123456' and not (("moved", "id") > (timestamp '2026-01-31 06:00:00.123456', 9007199254740993))) limit 2) connector_count;
