select count(*) from (select top (2) 1 as one from [shop].[orders] where ([id] in (1)) ) connector_count;

select count(*) from (select top (2) 1 as one from [shop].[orders] where ([id] in (1)) and ([moved] <= cast('2026-01-31T06:00:00.123456' as datetime2(7)) and not ([moved] >= cast('2026-01-31T06:00:00.123456' as datetime2(7)) and ([moved] > cast('2026-01-31T06:00:00.123456' as datetime2(7)) or ([moved] = cast('2026-01-31T06:00:00.123456' as datetime2(7)) and [id] > 9007199254740993)))) ) connector_count;
