select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("DAY" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("DAY" >= '2026-01-31'::date) and ("DAY" is not null) and ("DAY" <= '2026-11-25'::date) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ('2026-01-31'::date > '2026-11-25'::date) limit 1) connector_count;

select "ID" as connector_0, "DAY" as connector_1 from "SHOP"."ORDERS" where ("DAY" is not null) and ("DAY" <= '2026-11-25'::date) and ("DAY" >= '2026-01-31'::date and ("DAY" > '2026-01-31'::date or ("DAY" = '2026-01-31'::date and "ID" > 9007199254740993))) order by "DAY", "ID";

select "ID" as connector_0, "DAY" as connector_1 from "SHOP"."ORDERS" where ("DAY" is not null) and ("DAY" > '2026-11-25'::date) and ("DAY" >= '2026-01-31'::date and ("DAY" > '2026-01-31'::date or ("DAY" = '2026-01-31'::date and "ID" > 9007199254740993))) order by "DAY", "ID";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("DAY" >= '2026-01-31'::date) limit 1) connector_count;
