select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("LOCAL" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("LOCAL" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9)) and ("LOCAL" is not null) and ("LOCAL" <= '2026-11-25 12:00:00.123456 +00:00'::timestamp_ltz(9)) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ('2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9) > '2026-11-25 12:00:00.123456 +00:00'::timestamp_ltz(9)) limit 1) connector_count;

select "ID" as connector_0, to_varchar(convert_timezone('UTC', "LOCAL"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("LOCAL" is not null) and ("LOCAL" <= '2026-11-25 12:00:00.123456 +00:00'::timestamp_ltz(9)) and ("LOCAL" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9) and ("LOCAL" > '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9) or ("LOCAL" = '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9) and "ID" > 9007199254740993))) order by "LOCAL", "ID";

select "ID" as connector_0, to_varchar(convert_timezone('UTC', "LOCAL"), 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("LOCAL" is not null) and ("LOCAL" > '2026-11-25 12:00:00.123456 +00:00'::timestamp_ltz(9)) and ("LOCAL" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9) and ("LOCAL" > '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9) or ("LOCAL" = '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9) and "ID" > 9007199254740993))) order by "LOCAL", "ID";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("LOCAL" >= '2026-01-31 06:00:00.123456 +00:00'::timestamp_ltz(9)) limit 1) connector_count;
