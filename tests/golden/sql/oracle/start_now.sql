select to_char((select max("MOVED") from "SHOP"."ORDERS" where ("MOVED" <= timestamp '2026-11-25 12:00:00.123456')), 'YYYY-MM-DD HH24:MI:SS.FF9') from dual;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("MOVED" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("MOVED" >= timestamp '2026-01-31 06:00:00.123456') and ("MOVED" is not null) and ("MOVED" <= timestamp '2026-11-25 12:00:00.123456') fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (timestamp '2026-01-31 06:00:00.123456' > timestamp '2026-11-25 12:00:00.123456') fetch first 1 rows only) connector_count;

select "ID" as connector_0, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("MOVED" is not null) and ("MOVED" <= timestamp '2026-11-25 12:00:00.123456') and ("MOVED" > timestamp '2026-01-31 06:00:00.123456') order by "MOVED", "ID" fetch first 2001 rows only;

select "ID" as connector_0, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("MOVED" is not null) and ("MOVED" > timestamp '2026-11-25 12:00:00.123456') and ("MOVED" > timestamp '2026-01-31 06:00:00.123456') order by "MOVED", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("MOVED" >= timestamp '2026-01-31 06:00:00.123456') fetch first 1 rows only) connector_count;
