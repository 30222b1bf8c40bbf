select count(*) from (select 1 as one from "shop"."orders" where ("version" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("version" >= from_hex('00000000000007d1')) and ("version" is not null) limit 100001) connector_count;

select "id" as connector_0, "version" as connector_1 from "shop"."orders" where ("version" is not null) and ("version" >= from_hex('00000000000007d1') and ("version" > from_hex('00000000000007d1') or ("version" = from_hex('00000000000007d1') and "id" > cast('9007199254740993' as BIGINT)))) order by "version", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("version" >= from_hex('00000000000007d1')) limit 1) connector_count;
