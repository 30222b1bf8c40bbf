select 1 is null, 9007199254740993 is null;

select "ID" as connector_0, "REGION" as connector_1, to_varchar("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from "SHOP"."ORDERS" where ("MOVED" <= '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and not ("MOVED" >= '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and ("MOVED" > '2026-01-31 06:00:00.123456'::timestamp_ntz(9) or ("MOVED" = '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and "ID" > 9007199254740993)))) and ("ID" in (1, 9007199254740993)) order by "MOVED", "ID";
