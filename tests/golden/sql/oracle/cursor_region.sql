select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("REGION" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("REGION" >= 'O''Brien\n%s :x "q" `b` 日本') and ("REGION" is not null) fetch first 100001 rows only) connector_count;

select "ID" as connector_0, "REGION" as connector_1 from "SHOP"."ORDERS" where ("REGION" is not null) and ("REGION" >= 'O''Brien\n%s :x "q" `b` 日本' and ("REGION" > 'O''Brien\n%s :x "q" `b` 日本' or ("REGION" = 'O''Brien\n%s :x "q" `b` 日本' and "ID" > 9007199254740993))) order by "REGION", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("REGION" >= 'O''Brien\n%s :x "q" `b` 日本') fetch first 1 rows only) connector_count;
