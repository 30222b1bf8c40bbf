select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ZONED" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("ZONED" >= timestamp '2026-01-31 06:00:00.123456 +00:00') and ("ZONED" is not null) and ("ZONED" <= timestamp '2026-11-25 12:00:00.123456 +00:00') fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (timestamp '2026-01-31 06:00:00.123456 +00:00' > timestamp '2026-11-25 12:00:00.123456 +00:00') fetch first 1 rows only) connector_count;

select "ID" as connector_0, to_char(sys_extract_utc("ZONED"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("ZONED" is not null) and ("ZONED" <= timestamp '2026-11-25 12:00:00.123456 +00:00') and ("ZONED" >= timestamp '2026-01-31 06:00:00.123456 +00:00' and ("ZONED" > timestamp '2026-01-31 06:00:00.123456 +00:00' or ("ZONED" = timestamp '2026-01-31 06:00:00.123456 +00:00' and "ID" > 9007199254740993))) order by "ZONED", "ID" fetch first 2001 rows only;

select "ID" as connector_0, to_char(sys_extract_utc("ZONED"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("ZONED" is not null) and ("ZONED" > timestamp '2026-11-25 12:00:00.123456 +00:00') and ("ZONED" >= timestamp '2026-01-31 06:00:00.123456 +00:00' and ("ZONED" > timestamp '2026-01-31 06:00:00.123456 +00:00' or ("ZONED" = timestamp '2026-01-31 06:00:00.123456 +00:00' and "ID" > 9007199254740993))) order by "ZONED", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ZONED" >= timestamp '2026-01-31 06:00:00.123456 +00:00') fetch first 1 rows only) connector_count;
