select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("VERSION" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("VERSION" >= hextoraw('00000000000007d1')) and ("VERSION" is not null) fetch first 100001 rows only) connector_count;

select "ID" as connector_0, "VERSION" as connector_1 from "SHOP"."ORDERS" where ("VERSION" is not null) and ("VERSION" >= hextoraw('00000000000007d1') and ("VERSION" > hextoraw('00000000000007d1') or ("VERSION" = hextoraw('00000000000007d1') and "ID" > 9007199254740993))) order by "VERSION", "ID" fetch first 2001 rows only;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("VERSION" >= hextoraw('00000000000007d1')) fetch first 1 rows only) connector_count;
