select 1 from "SHOP"."ORDERS" where (1 = 1
) and 1 = 0;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (1 = 1
) and ((moved) is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (1 = 1
) and ("ID" is null) and ((moved) >= timestamp '2026-01-31 06:00:00.123456') and ((moved) is not null) and ((moved) <= timestamp '2026-11-25 12:00:00.123456') fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (1 = 1
) and (timestamp '2026-01-31 06:00:00.123456' > timestamp '2026-11-25 12:00:00.123456') fetch first 1 rows only) connector_count;

select "ID" as connector_0, "REGION" as connector_1, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2, (moved) as connector_3 from "SHOP"."ORDERS" where (1 = 1
) and ((moved) is not null) and ((moved) <= timestamp '2026-11-25 12:00:00.123456') and ((moved) >= timestamp '2026-01-31 06:00:00.123456' and ((moved) > timestamp '2026-01-31 06:00:00.123456' or ((moved) = timestamp '2026-01-31 06:00:00.123456' and "ID" > 9007199254740993))) order by (moved), "ID";

select "ID" as connector_0, "REGION" as connector_1, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2, (moved) as connector_3 from "SHOP"."ORDERS" where (1 = 1
) and ((moved) is not null) and ((moved) > timestamp '2026-11-25 12:00:00.123456') and ((moved) >= timestamp '2026-01-31 06:00:00.123456' and ((moved) > timestamp '2026-01-31 06:00:00.123456' or ((moved) = timestamp '2026-01-31 06:00:00.123456' and "ID" > 9007199254740993))) order by (moved), "ID";

select count(*) from (select 1 as one from "SHOP"."ORDERS" where (1 = 1
) and ((moved) >= timestamp '2026-01-31 06:00:00.123456') fetch first 1 rows only) connector_count;
