select 1 from [shop].[orders] where (1 = 1
) and 1 = 0;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where (1 = 1
) and ((moved) is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where (1 = 1
) and ([id] is null) and ((moved) >= cast('2026-01-31T06:00:00.123456' as datetime2(7))) and ((moved) is not null) and ((moved) <= cast('2026-11-25T12:00:00.123456' as datetime2(7))) ) connector_count;

select count(*) from (select top (1) 1 as one from [shop].[orders] where (1 = 1
) and (cast('2026-01-31T06:00:00.123456' as datetime2(7)) > cast('2026-11-25T12:00:00.123456' as datetime2(7))) ) connector_count;

select [id] as connector_0, [region] as connector_1, convert(varchar(27), [moved], 126) as connector_2, (moved) as connector_3 from [shop].[orders] where (1 = 1
) and ((moved) is not null) and ((moved) <= cast('2026-11-25T12:00:00.123456' as datetime2(7))) and ((moved) >= cast('2026-01-31T06:00:00.123456' as datetime2(7)) and ((moved) > cast('2026-01-31T06:00:00.123456' as datetime2(7)) or ((moved) = cast('2026-01-31T06:00:00.123456' as datetime2(7)) and [id] > 9007199254740993))) order by (moved), [id];

select [id] as connector_0, [region] as connector_1, convert(varchar(27), [moved], 126) as connector_2, (moved) as connector_3 from [shop].[orders] where (1 = 1
) and ((moved) is not null) and ((moved) > cast('2026-11-25T12:00:00.123456' as datetime2(7))) and ((moved) >= cast('2026-01-31T06:00:00.123456' as datetime2(7)) and ((moved) > cast('2026-01-31T06:00:00.123456' as datetime2(7)) or ((moved) = cast('2026-01-31T06:00:00.123456' as datetime2(7)) and [id] > 9007199254740993))) order by (moved), [id];

select count(*) from (select top (1) 1 as one from [shop].[orders] where (1 = 1
) and ((moved) >= cast('2026-01-31T06:00:00.123456' as datetime2(7))) ) connector_count;
