select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("OLD" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("OLD" >= to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS')) and ("OLD" is not null) and ("OLD" <= to_date('2026-11-25 12:00:00', 'YYYY-MM-DD HH24:MI:SS')) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS') > to_date('2026-11-25 12:00:00', 'YYYY-MM-DD HH24:MI:SS')) fetch first 1 rows only) connector_count;

select "ID" as connector_0, to_char("OLD", 'YYYY-MM-DD HH24:MI:SS') as connector_1 from "SHOP"."ORDERS" where ("OLD" is not null) and ("OLD" <= to_date('2026-11-25 12:00:00', 'YYYY-MM-DD HH24:MI:SS')) and ("OLD" >= to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS') and ("OLD" > to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS') or ("OLD" = to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS') and "ID" > 9007199254740993))) order by "OLD", "ID" fetch first 2001 rows only;

select "ID" as connector_0, to_char("OLD", 'YYYY-MM-DD HH24:MI:SS') as connector_1 from "SHOP"."ORDERS" where ("OLD" is not null) and ("OLD" > to_date('2026-11-25 12:00:00', 'YYYY-MM-DD HH24:MI:SS')) and ("OLD" >= to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS') and ("OLD" > to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS') or ("OLD" = to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS') and "ID" > 9007199254740993))) order by "OLD", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("OLD" >= to_date('2026-01-31 06:00:00', 'YYYY-MM-DD HH24:MI:SS')) fetch first 1 rows only) connector_count;
