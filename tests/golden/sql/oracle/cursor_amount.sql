select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("AMOUNT" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("AMOUNT" >= 12345678901234567890.1234) and ("AMOUNT" is not null) fetch first 100001 rows only) connector_count;

select "ID" as connector_0, "AMOUNT" as connector_1 from "SHOP"."ORDERS" where ("AMOUNT" is not null) and ("AMOUNT" >= 12345678901234567890.1234 and ("AMOUNT" > 12345678901234567890.1234 or ("AMOUNT" = 12345678901234567890.1234 and "ID" > 9007199254740993))) order by "AMOUNT", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("AMOUNT" >= 12345678901234567890.1234) fetch first 1 rows only) connector_count;
