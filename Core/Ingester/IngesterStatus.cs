namespace OrleansTempo.Core.Ingester;

/// <summary>How one partition's ingester is at a moment.</summary>
/// <param name="TracesCreated">Traces begun so far.</param>
/// <param name="MemoryBytes">What it holds, in bytes.</param>
/// <param name="OldestSegment">The earliest segment of the write-ahead log that it still needs.</param>
internal readonly record struct IngesterStatus(long TracesCreated, long MemoryBytes, long OldestSegment);
