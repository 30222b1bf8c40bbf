select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("region" is null) and ("id" >= cast('9007199254740993' as BIGINT)) and ("id" is not null) limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1 from "shop"."orders" where ("id" is not null) and ("id" >= cast('9007199254740993' as BIGINT) and ("id" > cast('9007199254740993' as BIGINT) or ("id" = cast('9007199254740993' as BIGINT) and "region" > cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR)))) order by "id", "region";

select count(*) from (select 1 as one from "shop"."orders" where ("id" >= cast('9007199254740993' as BIGINT)) limit 1) connector_count;
