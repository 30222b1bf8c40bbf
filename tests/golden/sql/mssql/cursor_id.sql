select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([region] is null) and ([id] >= 9007199254740993) and ([id] is not null) ) connector_count;

select [id] as connector_0, [region] as connector_1 from [shop].[orders] where ([id] is not null) and ([id] >= 9007199254740993 and ([id] > 9007199254740993 or ([id] = 9007199254740993 and [region] > N'O''Brien\n%s :x "q" `b` 日本'))) order by [id], [region] offset 0 rows fetch next 2001 rows only;

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([id] >= 9007199254740993) ) connector_count;
