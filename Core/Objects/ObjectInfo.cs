namespace OrleansTempo.Core.Objects;

/// <summary>An object as a listing shows it.</summary>
/// <param name="Name">Its whole name.</param>
/// <param name="SizeBytes">Its length in bytes.</param>
/// <param name="LastModified">When it was last written.</param>
public readonly record struct ObjectInfo(string Name, long SizeBytes, DateTimeOffset LastModified);
