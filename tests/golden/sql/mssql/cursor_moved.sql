select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([moved] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) and ([moved] >= cast('2026-01-31T06:00:00.123456' as datetime2(7))) and ([moved] is not null) and ([moved] <= cast('2026-11-25T12:00:00.123456' as datetime2(7))) ) connector_count;

select count(*) from (select top (1) 1 as one from [shop].[orders] where (cast('2026-01-31T06:00:00.123456' as datetime2(7)) > cast('2026-11-25T12:00:00.123456' as datetime2(7))) ) connector_count;

select [id] as connector_0, convert(varchar(27), [moved], 126) as connector_1 from [shop].[orders] where ([moved] is not null) and ([moved] <= cast('2026-11-25T12:00:00.123456' as datetime2(7))) and ([moved] >= cast('2026-01-31T06:00:00.123456' as datetime2(7)) and ([moved] > cast('2026-01-31T06:00:00.123456' as datetime2(7)) or ([moved] = cast('2026-01-31T06:00:00.123456' as datetime2(7)) and [id] > 9007199254740993))) order by [moved], [id] offset 0 rows fetch next 2001 rows only;

select [id] as connector_0, convert(varchar(27), [moved], 126) as connector_1 from [shop].[orders] where ([moved] is not null) and ([moved] > cast('2026-11-25T12:00:00.123456' as datetime2(7))) and ([moved] >= cast('2026-01-31T06:00:00.123456' as datetime2(7)) and ([moved] > cast('2026-01-31T06:00:00.123456' as datetime2(7)) or ([moved] = cast('2026-01-31T06:00:00.123456' as datetime2(7)) and [id] > 9007199254740993))) order by [moved], [id] offset 0 rows fetch next 2001 rows only;

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([moved] >= cast('2026-01-31T06:00:00.123456' as datetime2(7))) ) connector_count;
