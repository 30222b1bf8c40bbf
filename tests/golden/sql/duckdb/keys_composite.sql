select cast('a' as VARCHAR) is null, cast('b''c\d' as VARCHAR) is null;

select cast('1' as BIGINT) is null, cast('1' as BIGINT) is null;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" <= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and not ("moved" >= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and ("moved" > cast('2026-01-31 06:00:00.123456' as TIMESTAMP) or ("moved" = cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and ("region" > cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) or ("region" = cast('O''Brien\n%s :x "q" `b` 日本' as VARCHAR) and "id" > cast('9007199254740993' as BIGINT))))))) and ((("region" in (cast('a' as VARCHAR))) and ("id" in (cast('1' as BIGINT)))) or (("region" in (cast('b''c\d' as VARCHAR))) and ("id" in (cast('1' as BIGINT))))) order by "moved", "region", "id";
