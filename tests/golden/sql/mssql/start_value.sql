select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([moved] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) and ([moved] is not null) and ([moved] < cast('2026-11-24T11:59:00.123456' as datetime2(7))) ) connector_count;

select [id] as connector_0, convert(varchar(27), [moved], 126) as connector_1 from [shop].[orders] where ([moved] is not null) and ([moved] < cast('2026-11-24T11:59:00.123456' as datetime2(7))) and ([moved] >= cast('2026-01-01T00:00:00' as datetime2(7))) order by [moved], [id] offset 0 rows fetch next 2001 rows only;

select [id] as connector_0, convert(varchar(27), [moved], 126) as connector_1 from [shop].[orders] where ([moved] is not null) and ([moved] >= cast('2026-01-01T00:00:00' as datetime2(7))) and ([moved] > cast('2026-11-25T12:00:00.123456' as datetime2(7))) order by [moved], [id] offset 0 rows fetch next 2001 rows only;
