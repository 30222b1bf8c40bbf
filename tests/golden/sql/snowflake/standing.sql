select 1 is null;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" in (1)) limit 2) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" in (1)) and ("MOVED" <= '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and not ("MOVED" >= '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and ("MOVED" > '2026-01-31 06:00:00.123456'::timestamp_ntz(9) or ("MOVED" = '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and "ID" > 9007199254740993)))) limit 2) connector_count;
