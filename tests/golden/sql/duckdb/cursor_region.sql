select count(*) from (select 1 as one from "shop"."orders" where ("region" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("region" >= cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR)) and ("region" is not null) limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1 from "shop"."orders" where ("region" is not null) and ("region" >= cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) and ("region" > cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) or ("region" = cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) and "id" > cast('9007199254740993' as BIGINT)))) order by "region", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("region" >= cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR)) limit 1) connector_count;
