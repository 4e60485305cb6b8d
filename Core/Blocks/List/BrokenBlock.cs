namespace OrleansTempo.Core.Blocks.List;

/// <summary>A block that was set aside: it is there, but not read.</summary>
/// <param name="BlockId">Which block.</param>
/// <param name="Reason">What is wrong with it.</param>
/// <param name="SetAsideAt">When that was found.</param>
public sealed record BrokenBlock(Guid BlockId, string Reason, DateTimeOffset SetAsideAt);
