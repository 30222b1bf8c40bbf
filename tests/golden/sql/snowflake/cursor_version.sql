select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("VERSION" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("ID" is null) and ("VERSION" >= to_binary('00000000000007d1', 'HEX')) and ("VERSION" is not null) limit 100001) connector_count;

select "ID" as connector_0, "VERSION" as connector_1 from "SHOP"."ORDERS" where ("VERSION" is not null) and ("VERSION" >= to_binary('00000000000007d1', 'HEX') and ("VERSION" > to_binary('00000000000007d1', 'HEX') or ("VERSION" = to_binary('00000000000007d1', 'HEX') and "ID" > 9007199254740993))) order by "VERSION", "ID";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where ("VERSION" >= to_binary('00000000000007d1', 'HEX')) limit 1) connector_count;
