select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("REGION" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("REGION" >= 'O''Brien\\n%s :x "q" `b` 日本') and ("REGION" is not null) limit 100001) connector_count;

select "ID" as connector_0, "REGION" as connector_1 from "SHOP"."ORDERS" where ("REGION" is not null) and ("REGION" >= 'O''Brien\\n%s :x "q" `b` 日本' and ("REGION" > 'O''Brien\\n%s :x "q" `b` 日本' or ("REGION" = 'O''Brien\\n%s :x "q" `b` 日本' and "ID" > 9007199254740993))) order by "REGION", "ID";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("REGION" >= 'O''Brien\\n%s :x "q" `b` 日本') limit 1) connector_count;
