using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Receivers;

/// <summary>Fills <paramref name="content"/>, which is empty, with the decompressed bytes of <paramref name="compressed"/>.</summary>
/// <param name="compressed">A whole body; an empty one is an empty request.</param>
/// <param name="content">Whatever it holds afterwards counts only where the answer is <see cref="BodyStatus.Complete"/>.</param>
/// <param name="limit">The most bytes that the content may have: a bomb costs what any other request of the largest size costs.</param>
/// <exception cref="RequestMemoryException">There is no room for the content.</exception>
internal delegate BodyStatus Decompress(RequestBuffer compressed, RequestBuffer content, int limit);
