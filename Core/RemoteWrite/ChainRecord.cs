namespace OrleansTempo.Core.RemoteWrite;

/// <summary>One record of a <see cref="SnapshotChain"/>, to be put before the collection that it was made of is sent.</summary>
/// <param name="Name">The object's name.</param>
/// <param name="IsWhole">Whether it says all, and needs none before it.</param>
/// <param name="Content">Its bytes, see <c>docs/generator-snapshot.md</c>.</param>
public sealed record ChainRecord(string Name, bool IsWhole, ReadOnlyMemory<byte> Content);
