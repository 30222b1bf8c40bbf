select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("REGION" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) fetch first 100001 rows only) connector_count;

select "ID" as connector_0, "REGION" as connector_1, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from "SHOP"."ORDERS" where ("REGION" >= 'O''Brien\n%s :x "q" `b` 日本' and ("REGION" > 'O''Brien\n%s :x "q" `b` 日本' or ("REGION" = 'O''Brien\n%s :x "q" `b` 日本' and "ID" > 9007199254740993))) order by "REGION", "ID" fetch first 2001 rows only;
