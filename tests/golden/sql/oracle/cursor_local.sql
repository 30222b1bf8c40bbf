select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("LOCAL" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("LOCAL" >= timestamp '2026-01-31 06:00:00.123456 +00:00') and ("LOCAL" is not null) and ("LOCAL" <= timestamp '2026-11-25 12:00:00.123456 +00:00') fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (timestamp '2026-01-31 06:00:00.123456 +00:00' > timestamp '2026-11-25 12:00:00.123456 +00:00') fetch first 1 rows only) connector_count;

select "ID" as connector_0, to_char(sys_extract_utc("LOCAL"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("LOCAL" is not null) and ("LOCAL" <= timestamp '2026-11-25 12:00:00.123456 +00:00') and ("LOCAL" >= timestamp '2026-01-31 06:00:00.123456 +00:00' and ("LOCAL" > timestamp '2026-01-31 06:00:00.123456 +00:00' or ("LOCAL" = timestamp '2026-01-31 06:00:00.123456 +00:00' and "ID" > 9007199254740993))) order by "LOCAL", "ID" fetch first 2001 rows only;

select "ID" as connector_0, to_char(sys_extract_utc("LOCAL"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("LOCAL" is not null) and ("LOCAL" > timestamp '2026-11-25 12:00:00.123456 +00:00') and ("LOCAL" >= timestamp '2026-01-31 06:00:00.123456 +00:00' and ("LOCAL" > timestamp '2026-01-31 06:00:00.123456 +00:00' or ("LOCAL" = timestamp '2026-01-31 06:00:00.123456 +00:00' and "ID" > 9007199254740993))) order by "LOCAL", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("LOCAL" >= timestamp '2026-01-31 06:00:00.123456 +00:00') fetch first 1 rows only) connector_count;
