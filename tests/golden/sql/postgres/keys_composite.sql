select 'a'::text is null, 'b''c\d'::text is null;

select '1'::bigint is null, '1'::bigint is null;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" <= '2026-01-31 06:00:00.123456'::timestamp without time zone and not (("moved", "region", "id") > ('2026-01-31 06:00:00.123456'::timestamp without time zone, 'O''Brien\n%s :x "q" `b` 日本'::text, '9007199254740993'::bigint))) and ("moved" > '-infinity' and "moved" < 'infinity') and ((("region" in ('a'::text)) and ("id" in ('1'::bigint))) or (("region" in ('b''c\d'::text)) and ("id" in ('1'::bigint)))) order by "moved", "region", "id";
