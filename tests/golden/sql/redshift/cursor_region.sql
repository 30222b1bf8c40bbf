select count(*) from (select 1 as one from "shop"."orders" where ("region" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("region" >= ('O''Brien' || chr(92) || 'n%s :x "q" `b` 日本')) and ("region" is not null) limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1 from "shop"."orders" where ("region" is not null) and ("region" >= ('O''Brien' || chr(92) || 'n%s :x "q" `b` 日本') and ("region" > ('O''Brien' || chr(92) || 'n%s :x "q" `b` 日本') or ("region" = ('O''Brien' || chr(92) || 'n%s :x "q" `b` 日本') and "id" > 9007199254740993))) order by "region", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("region" >= ('O''Brien' || chr(92) || 'n%s :x "q" `b` 日本')) limit 1) connector_count;
