select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("region" is null) and ("id" >= 9007199254740993) and ("id" is not null) limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1 from "shop"."orders" where ("id" is not null) and ("id" >= 9007199254740993 and ("id" > 9007199254740993 or ("id" = 9007199254740993 and "region" > ('O''Brien' || chr(92) || 'n%s :x "q" `b` 日本')))) order by "id", "region";

select count(*) from (select 1 as one from "shop"."orders" where ("id" >= 9007199254740993) limit 1) connector_count;
