select count(*) from (select 1 as one from "shop"."orders" where ("amount" is null or "amount" in ('-Infinity', 'Infinity', 'NaN')) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("amount" >= '12345678901234567890.1234'::numeric) and ("amount" is not null) and ("amount" > '-Infinity' and "amount" < 'Infinity') limit 100001) connector_count;

select "id" as connector_0, "amount" as connector_1 from "shop"."orders" where ("amount" is not null) and ("amount" > '-Infinity' and "amount" < 'Infinity') and (("amount", "id") > ('12345678901234567890.1234'::numeric, '9007199254740993'::bigint)) order by "amount", "id" limit 2001;

select count(*) from (select 1 as one from "shop"."orders" where ("amount" >= '12345678901234567890.1234'::numeric) limit 1) connector_count;
