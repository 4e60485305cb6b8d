namespace OrleansTempo.Core.Objects;

/// <summary>An object read whole.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="ETag">What a conditional put must name to replace just this content.</param>
public readonly record struct StoredObject(ReadOnlyMemory<byte> Content, string ETag);
