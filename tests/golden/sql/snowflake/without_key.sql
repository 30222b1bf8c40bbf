select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("MOVED" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("MOVED" > '2026-11-25 12:00:00.123456'::timestamp_ntz(9)) limit 100001) connector_count;

select "ID" as connector_0, to_varchar("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("MOVED" is not null) and ("MOVED" <= '2026-11-25 12:00:00.123456'::timestamp_ntz(9)) and ("MOVED" > '2026-01-31 06:00:00.123456'::timestamp_ntz(9)) and ("MOVED" <= '2026-01-31 06:00:00.123456'::timestamp_ntz(9)) order by "MOVED";

select "ID" as connector_0, to_varchar("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_1 from "SHOP"."ORDERS" where ("MOVED" is not null) and ("MOVED" <= '2026-11-25 12:00:00.123456'::timestamp_ntz(9)) and ("MOVED" > '2026-01-31 06:00:00.123456'::timestamp_ntz(9)) order by "MOVED";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("MOVED" >= '2026-01-31 06:00:00.123456'::timestamp_ntz(9)) limit 1) connector_count;
