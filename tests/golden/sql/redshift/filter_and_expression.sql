select 1 from "shop"."orders" where (1 = 1
) and 1 = 0;

select count(*) from (select 1 as one from "shop"."orders" where (1 = 1
) and ((moved) is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where (1 = 1
) and ("id" is null) and ((moved) >= timestamp '2026-01-31 06:00:00.123456') and ((moved) is not null) and ((moved) <= timestamp '2026-11-25 12:00:00.123456') limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where (1 = 1
) and (timestamp '2026-01-31 06:00:00.123456' > timestamp '2026-11-25 12:00:00.123456') limit 1) connector_count;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2, (moved) as connector_3 from "shop"."orders" where (1 = 1
) and ((moved) is not null) and ((moved) <= timestamp '2026-11-25 12:00:00.123456') and ((moved) >= timestamp '2026-01-31 06:00:00.123456' and ((moved) > timestamp '2026-01-31 06:00:00.123456' or ((moved) = timestamp '2026-01-31 06:00:00.123456' and "id" > 9007199254740993))) order by (moved), "id";

select "id" as connector_0, "region" as connector_1, "moved" as connector_2, (moved) as connector_3 from "shop"."orders" where (1 = 1
) and ((moved) is not null) and ((moved) > timestamp '2026-11-25 12:00:00.123456') and ((moved) >= timestamp '2026-01-31 06:00:00.123456' and ((moved) > timestamp '2026-01-31 06:00:00.123456' or ((moved) = timestamp '2026-01-31 06:00:00.123456' and "id" > 9007199254740993))) order by (moved), "id";

select count(*) from (select 1 as one from "shop"."orders" where (1 = 1
) and ((moved) >= timestamp '2026-01-31 06:00:00.123456') limit 1) connector_count;
