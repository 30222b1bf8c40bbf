select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("REGION" is null) and ("ID" >= 9007199254740993) and ("ID" is not null) limit 100001) connector_count;

select "ID" as connector_0, "REGION" as connector_1 from "SHOP"."ORDERS" where ("ID" is not null) and ("ID" >= 9007199254740993 and ("ID" > 9007199254740993 or ("ID" = 9007199254740993 and "REGION" > 'O''Brien\\n%s :x "q" `b` 日本'))) order by "ID", "REGION";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" >= 9007199254740993) limit 1) connector_count;
