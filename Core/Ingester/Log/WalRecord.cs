namespace OrleansTempo.Core.Ingester.Log;

/// <summary>One record of the write-ahead log, as replay reads it.</summary>
/// <param name="Segment">The segment it is in.</param>
/// <param name="Tenant">Whose spans they are.</param>
/// <param name="Request">An <c>ExportTraceServiceRequest</c>, readable during the call only.</param>
public readonly record struct WalRecord(long Segment, TenantId Tenant, ReadOnlyMemory<byte> Request);
