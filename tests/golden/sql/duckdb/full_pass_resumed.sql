select count(*) from (select 1 as one from "shop"."orders" where ("region" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("region" >= cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) and ("region" > cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) or ("region" = cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) and "id" > cast('9007199254740993' as BIGINT)))) order by "region", "id";
