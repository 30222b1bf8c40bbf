select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("MOVED" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("MOVED" >= timestamp '2026-01-31 06:00:00.123456') and ("MOVED" is not null) and ("MOVED" < timestamp '2026-11-24 11:59:00.123456') fetch first 100001 rows only) connector_count;

select "ID" as connector_0, "REGION" as connector_1, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from "SHOP"."ORDERS" where ("MOVED" is not null) and ("MOVED" < timestamp '2026-11-24 11:59:00.123456') and ("MOVED" >= timestamp '2026-01-31 06:00:00.123456' and ("MOVED" > timestamp '2026-01-31 06:00:00.123456' or ("MOVED" = timestamp '2026-01-31 06:00:00.123456' and "ID" > 9007199254740993))) order by "MOVED", "ID" fetch first 2001 rows only;

select "ID" as connector_0, "REGION" as connector_1, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from "SHOP"."ORDERS" where ("MOVED" is not null) and ("MOVED" > timestamp '2026-11-25 12:00:00.123456') and ("MOVED" >= timestamp '2026-01-31 06:00:00.123456' and ("MOVED" > timestamp '2026-01-31 06:00:00.123456' or ("MOVED" = timestamp '2026-01-31 06:00:00.123456' and "ID" > 9007199254740993))) order by "MOVED", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("MOVED" >= timestamp '2026-01-31 06:00:00.123456') fetch first 1 rows only) connector_count;
