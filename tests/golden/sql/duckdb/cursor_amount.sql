select count(*) from (select 1 as one from "shop"."orders" where ("amount" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("amount" >= cast('12345678901234567890.1234' as DECIMAL(38,4))) and ("amount" is not null) limit 100001) connector_count;

select "id" as connector_0, "amount" as connector_1 from "shop"."orders" where ("amount" is not null) and ("amount" >= cast('12345678901234567890.1234' as DECIMAL(38,4)) and ("amount" > cast('12345678901234567890.1234' as DECIMAL(38,4)) or ("amount" = cast('12345678901234567890.1234' as DECIMAL(38,4)) and "id" > cast('9007199254740993' as BIGINT)))) order by "amount", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("amount" >= cast('12345678901234567890.1234' as DECIMAL(38,4))) limit 1) connector_count;
