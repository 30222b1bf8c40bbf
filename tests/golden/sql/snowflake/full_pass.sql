select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("REGION" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) limit 100001) connector_count;

select "ID" as connector_0, "REGION" as connector_1, to_varchar("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from "SHOP"."ORDERS" order by "REGION", "ID";
