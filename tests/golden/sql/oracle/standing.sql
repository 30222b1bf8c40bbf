select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" in (1)) fetch first 2 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" in (1)) and ("MOVED" <= timestamp '2026-01-31 06:00:00.123456' and not ("MOVED" >= timestamp '2026-01-31 06:00:00.123456' and ("MOVED" > timestamp '2026-01-31 06:00:00.123456' or ("MOVED" = timestamp '2026-01-31 06:00:00.123456' and "ID" > 9007199254740993)))) fetch first 2 rows only) connector_count;
