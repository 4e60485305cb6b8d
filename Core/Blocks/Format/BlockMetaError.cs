namespace OrleansTempo.Core.Blocks.Format;

/// <summary>Why a <c>meta.json</c> cannot be used.</summary>
/// <param name="Message">What is wrong with which member.</param>
/// <param name="IsNewer">It is well as far as this program can tell, but of a format version that only a newer program reads.</param>
public sealed record BlockMetaError(string Message, bool IsNewer);
