select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ZONED" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("ZONED" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9)) and ("ZONED" is not null) and ("ZONED" <= '2026-11-25 12:00:00.123456 +00:00'::timestamp_tz(9)) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ('2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9) > '2026-11-25 12:00:00.123456 +00:00'::timestamp_tz(9)) limit 1) connector_count;

select "ID" as connector_0, to_varchar(convert_timezone('UTC', "ZONED"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("ZONED" is not null) and ("ZONED" <= '2026-11-25 12:00:00.123456 +00:00'::timestamp_tz(9)) and ("ZONED" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9) and ("ZONED" > '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9) or ("ZONED" = '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9) and "ID" > 9007199254740993))) order by "ZONED", "ID";

select "ID" as connector_0, to_varchar(convert_timezone('UTC', "ZONED"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("ZONED" is not null) and ("ZONED" > '2026-11-25 12:00:00.123456 +00:00'::timestamp_tz(9)) and ("ZONED" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9) and ("ZONED" > '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9) or ("ZONED" = '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9) and "ID" > 9007199254740993))) order by "ZONED", "ID";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ZONED" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_tz(9)) limit 1) connector_count;
